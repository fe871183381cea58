"""How each exchange speaks: typed frames, signing and rounding. Pure: no thread, socket or clock."""
