package discover

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"k8s.io/client-go/tools/clientcmd"
)

// tokenStore is the kubeconfig of a user whose auth-provider refreshes tokens. It implements rest.AuthProviderConfigPersister, as
// client-go's own does, but writes the file in one step: a refresh token may be valid only once, and a kubeconfig that is cut off
// locks the user out.
type tokenStore struct{ path, user string }

// Persist writes the configuration of the auth-provider, with its new tokens, into the file, if that still has the user. kubectl
// does not write to it at the same time: that has the same lock. Errors quote nothing of the file.
func (f *tokenStore) Persist(config map[string]string) (err error) {
	lock, err := os.OpenFile(f.path+".lock", os.O_CREATE|os.O_EXCL, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close(), os.Remove(lock.Name())) }()
	text, _, err := readRegular(f.path)
	if err != nil {
		return &fs.PathError{Op: "read", Path: f.path, Err: err}
	}
	if text, err = decoded(text); err != nil {
		return err
	}
	all, err := load(text)
	if err != nil {
		return err
	}
	user := all.AuthInfos[f.user]
	if user == nil || user.AuthProvider == nil {
		return nil
	}
	user.AuthProvider.Config = config
	if text, err = clientcmd.Write(*all); err != nil {
		return errors.New("it cannot be encoded")
	}
	return overwrite(f.path, text)
}

// overwrite writes a file that exists, in one step if it can be replaced. A file that is a mount cannot be, nor one whose owner cannot
// be kept, nor one in a folder that cannot be written.
func overwrite(path string, text []byte) error {
	err := replace(path, text)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EBUSY) {
		return os.WriteFile(path, text, 0o600)
	}
	return err
}

// replace puts a new file in the place of one, with the same owner and mode. A link stays.
func replace(path string, text []byte) (err error) {
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.tmp") // hidden: it is not to be found as a kubeconfig
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(text)
	if err = errors.Join(err, keepOwner(f, info), f.Chmod(info.Mode().Perm()), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return &fs.PathError{Op: "replace", Path: path, Err: errors.Unwrap(err)}
	}
	return nil
}
