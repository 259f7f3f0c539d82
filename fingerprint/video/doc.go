// Package video fingerprints videos and says where one runs inside another.
package video
