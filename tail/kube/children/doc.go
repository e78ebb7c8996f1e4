// Package children finds the processes that a command has started, for those who end it. The command shares our process group, which has us
// and what we are in a pipe with, and cannot have another: it could not read from the terminal. So its children are told by a variable in their
// environment. That is so on Linux alone; elsewhere nothing is found.
package children
