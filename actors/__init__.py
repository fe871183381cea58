"""Who acts: one actor a file, the messages it receives at the top of the file."""
