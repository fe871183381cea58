"""Both venues as a script, in a process of its own: they answer at once and decide nothing.

Not the paper venues: an engine's time has no place in a figure about us.
"""
