// Package terminal runs programs under test on a terminal. Only Linux has it.
package terminal
