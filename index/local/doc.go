// Package local finds registered pictures that share local features with a query.
package local
