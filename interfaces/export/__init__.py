"""The export: the log as files of fixed ranges of positions, whole ones of which never change."""
