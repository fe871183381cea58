"""What to do, decided purely: orders, hedged cycles and records. No thread, socket, clock or log."""
