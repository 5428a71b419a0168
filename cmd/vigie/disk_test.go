package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"vigie/receiver/store/faultvfs"
)

// withFaultyDisk names a folder: its file "order" tells the disk under a program
// under test what to do, and vanishes when that is done.
const withFaultyDisk = "VIGIE_TEST_FAULTY_DISK"

// obey puts the program's databases onto a disk that does what it is told. An
// order that is there at the start is carried out first.
func obey(dir string) error {
	if dir == "" {
		return nil
	}
	if err := faultvfs.Register(true); err != nil {
		return err
	}
	file := filepath.Join(dir, "order")
	next := func() error {
		order, err := os.ReadFile(file)
		if err != nil {
			return nil // none
		}
		if err := carryOut(strings.Fields(string(order))); err != nil {
			return err
		}
		return os.Remove(file)
	}
	if err := next(); err != nil {
		return err
	}
	go func() {
		for ; ; time.Sleep(5 * time.Millisecond) {
			if err := next(); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
		}
	}()
	return nil
}

func carryOut(order []string) error {
	if len(order) == 2 {
		switch n, err := strconv.Atoi(order[1]); order[0] {
		case "fail-sync":
			faultvfs.FailSync(order[1], 1)
			return nil
		case "fail-writes":
			faultvfs.FailWrites(order[1] == "on")
			return nil
		case "slow-sync":
			d, err := time.ParseDuration(order[1])
			faultvfs.SlowSync(d)
			return err
		case "kill-before-sync", "kill-after-sync":
			faultvfs.KillAtSync(n, order[0] == "kill-after-sync")
			return err
		}
	}
	return fmt.Errorf("no order for a disk: %q", order)
}
