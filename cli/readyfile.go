package cli

import (
	"fmt"
	"os"
	"path/filepath"
)

// prepareReadyFile removes the file of --ready-file that an earlier run has left. Only a regular file is removed.
func (f *flags) prepareReadyFile() error {
	if f.ReadyFile == "" {
		return nil
	}
	info, err := os.Lstat(f.ReadyFile)
	switch {
	case os.IsNotExist(err):
		if err = refuseFolderName(f.ReadyFile); err == nil {
			err = probeFolder(filepath.Dir(f.ReadyFile))
		}
	case err == nil && !info.Mode().IsRegular():
		return usagef(on{"ready-file"}, "name a file, or a place where one can be made", "--ready-file %s is there, and is no regular file", f.ReadyFile)
	case err == nil:
		if err = refuseDescriptor(f.ReadyFile); err == nil {
			err = os.Remove(f.ReadyFile)
		}
	}
	if err != nil {
		return usagef(on{"ready-file"}, "name a file that can be written", "preparing --ready-file: %w", err)
	}
	return nil
}

// probeFolder returns an error unless a file can be made in a folder.
func probeFolder(dir string) error {
	probe, err := os.CreateTemp(dir, ".mktail-*")
	if err != nil {
		return err
	}
	probe.Close()
	return os.Remove(probe.Name())
}

// makeReadyFile makes the file of --ready-file, if one is wanted.
func (f *flags) makeReadyFile() error {
	if f.ReadyFile == "" {
		return nil
	}
	file, err := os.OpenFile(f.ReadyFile, os.O_WRONLY|os.O_CREATE, 0o644) // if it exists meanwhile, it keeps its content
	if err != nil {
		return fmt.Errorf("making --ready-file: %w", err)
	}
	return file.Close()
}
