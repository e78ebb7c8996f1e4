// Package stern holds the version of stern that the benchmark measures beside mktail. It is a module of its own, so
// that stern runs with the libraries it was released with.
package stern
