"""Data sets of end tasks, one file each. A new data set is one file here and a row in the catalogue."""
