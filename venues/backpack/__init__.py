"""Backpack Exchange: frames, signed requests, decoders and the book, all sans-I/O."""
