package cli

import "io/fs"

// mistrust has no objections: its rule is about owners and modes of Unix.
func mistrust(string, fs.FileInfo, string) (why, todo string) { return "", "" }

func mistrustFolder(string) (why, todo string) { return "", "" }
