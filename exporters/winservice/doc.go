// Package winservice lets a program run as a Windows service. On other
// systems, and when started by hand, it only calls the program.
package winservice
