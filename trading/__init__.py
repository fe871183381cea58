"""What to do, decided purely: orders and hedged cycles. No thread, socket, clock or log."""
