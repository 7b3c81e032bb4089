"""The five phases, each in three layers: from data, from paths, from the command line."""
