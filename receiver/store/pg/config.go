package pg

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sys/unix"
)

const (
	// StalledAfter is how long one question to the server may take before it counts
	// as gone, and how long the server waits for a receiver that says nothing more:
	// what is received then is refused while its sender still waits.
	StalledAfter  = 8 * time.Second
	ConnectWithin = 5 * time.Second
)

// OnServer reports whether a database is named by the address of a server.
func OnServer(database string) bool {
	return strings.HasPrefix(database, "postgres://") || strings.HasPrefix(database, "postgresql://")
}

// Address returns a database's name without what must not be told: parameters, and
// a password that should not be there.
func Address(database string) string {
	u, err := url.Parse(database)
	if !OnServer(database) {
		return database
	}
	if err != nil {
		return "postgres://(unreadable)"
	}
	if u.User != nil {
		u.User = url.User(u.User.Username())
	}
	u.RawQuery, u.Fragment = "", ""
	return u.String()
}

// CheckAddress refuses an address that cannot be read, is no PostgreSQL's or holds a
// password, which would be told wherever the address is.
func CheckAddress(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return errors.New("it is neither a file nor an address of PostgreSQL: write postgres://USER@HOST/DATABASE")
	}
	if _, has := u.User.Password(); has || u.Query().Has("password") {
		return errors.New("an address must hold no password, which would be told wherever the address is: take it out, and name a file " +
			"that holds it under database_password_file, or set PGPASSFILE or PGPASSWORD")
	}
	return nil
}

// Config reads an address. What it leaves out comes from the environment, as
// PostgreSQL's own programs have it: PGPASSWORD, PGPASSFILE, PGSSLMODE ...
func Config(address, password string) (*pgx.ConnConfig, error) {
	if err := CheckAddress(address); err != nil {
		return nil, err
	}
	cfg, err := pgx.ParseConfig(address)
	if err != nil {
		return nil, fmt.Errorf("the address cannot be used: %w", err)
	}
	if password != "" {
		cfg.Password = password
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = ConnectWithin
	}
	if cfg.RuntimeParams["application_name"] == "" {
		cfg.RuntimeParams["application_name"] = "vigie"
	}
	d := &net.Dialer{KeepAlive: ConnectWithin, Control: func(network, _ string, c syscall.RawConn) error {
		if !strings.HasPrefix(network, "tcp") {
			return nil
		}
		// A network that was cut says nothing: the system must not wait for a
		// quarter of an hour.
		var err error
		bad := c.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(StalledAfter.Milliseconds()))
		})
		return errors.Join(bad, err)
	}}
	cfg.DialFunc, cfg.ValidateConnect, cfg.OnNotice = d.DialContext, fit, warned
	return cfg, nil
}

// warning is where a connection keeps what the server warned of last.
const warning = "warning"

func warned(c *pgconn.PgConn, n *pgconn.Notice) {
	if n.SeverityUnlocalized == "WARNING" {
		c.CustomData()[warning] = fmt.Sprintf("%s (%s)", n.Message, n.Detail)
	}
}

// Unreachable adds the cure to an error of connecting.
func Unreachable(err error) error {
	var e *pgconn.PgError
	switch {
	case errors.As(err, &e) && e.Code == "3D000":
		return fmt.Errorf("%w: create it with createdb --encoding=UTF8 --template=template0", err)
	case errors.As(err, &e) && strings.HasPrefix(e.Code, "28"):
		return fmt.Errorf("%w: the server does not let this user in: look into its pg_hba.conf and at the password", err)
	}
	return err
}
