// Package peers holds the versions of the programs that the benchmark measures beside mktail. It is a module of its own, so
// that they run with the libraries they were released with.
package peers
