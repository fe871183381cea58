"""How each exchange speaks: frames, signing, rounding. Pure: no thread, socket or clock."""
