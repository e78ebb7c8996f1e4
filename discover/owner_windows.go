package discover

import (
	"io/fs"
	"os"
)

// keepOwner does nothing: a new file inherits its rights from its folder.
func keepOwner(*os.File, fs.FileInfo) error { return nil }
