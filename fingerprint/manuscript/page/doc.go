// Package page brings pictures of pages and drawings into a form in which copies look alike.
package page
