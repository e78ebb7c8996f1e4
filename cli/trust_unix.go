//go:build unix

package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// mistrust returns why what a file says must not start programs, and what to do about it; empty: it may. It is ssh's rule for its own
// config: a file that others can write to is as good as their word. info is of the file itself: the mode of a link means nothing.
//
// A file of root's on a file system that is mounted read-only can be written by nobody, whatever its mode is: the volumes of a pod
// have folders with mode 0777. otherwise is what helps where owners and modes cannot be changed, as in such a volume or on a drive of
// Windows.
func mistrust(path string, info fs.FileInfo, otherwise string) (why, todo string) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "", ""
	}
	mode, uid := info.Mode(), os.Geteuid()
	if mode.Perm()&0o002 == 0 && isPrivate(stat.Gid) {
		mode &^= 0o020
	}
	change := ""
	switch {
	case stat.Uid != 0 && int(stat.Uid) != uid:
		why = fmt.Sprintf("%s belongs to user %d, who could run commands as you", path, stat.Uid)
		change = fmt.Sprintf("chown %d %s", uid, path)
	case mode.Perm()&0o022 == 0, info.IsDir() && mode&fs.ModeSticky != 0, stat.Uid == 0 && isReadOnly(path):
		return "", ""
	default:
		why = path + " can be written by others, who could run commands as you"
		change = "chmod go-w " + path
	}
	if uid != 0 && int(stat.Uid) != uid { // it is not ours to change
		return why, "if you trust it, " + otherwise
	}
	return why, "if you trust it, run " + change + ", or " + otherwise
}

// isReadOnly reports whether the file system of a path that anybody else may write to is mounted read-only.
func isReadOnly(path string) bool { return errors.Is(unix.Access(path, unix.W_OK), unix.EROFS) }

// isPrivate reports whether a group is the user's own. Where each user has one, as on Ubuntu, all that a user writes can be written by it;
// Debian's ssh has the same exception. Root writes nothing that way.
func isPrivate(gid uint32) bool {
	if os.Geteuid() == 0 {
		return false
	}
	me, err := user.LookupId(strconv.Itoa(os.Geteuid()))
	if err != nil || me.Gid != strconv.FormatUint(uint64(gid), 10) {
		return false
	}
	groups, err := os.ReadFile("/etc/group")
	return err == nil && hasNoOther(string(groups), me.Gid, me.Username)
}

// hasNoOther reports whether a file like /etc/group has a group with this ID once, which is called as the user is, and has no other member.
func hasNoOther(groups, gid, user string) bool {
	found := false
	for line := range strings.Lines(groups) {
		part := strings.Split(strings.TrimSpace(line), ":") // name, password, ID, members
		if len(part) != 4 || part[2] != gid {
			continue
		}
		if found || part[0] != user || part[3] != "" && part[3] != user {
			return false
		}
		found = true
	}
	return found
}

// mistrustFolder is mistrust for the folder of a config: who can write to it can put another file there.
func mistrustFolder(path string) (why, todo string) {
	folder := filepath.Dir(path)
	info, err := os.Stat(folder)
	if err != nil {
		return "", ""
	}
	return mistrust(folder, info, "name the file with --config")
}
