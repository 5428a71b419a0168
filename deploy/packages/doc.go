// Package packages holds what .deb, .rpm, zip and image are made of;
// tools/packages/build makes them.
package packages
