package arcserve

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"time"

	mssql "github.com/microsoft/go-mssqldb"
	"github.com/microsoft/go-mssqldb/msdsn"

	"vigie/exporters"
)

// connector opens connections to SQL Server. The password is read for each,
// so that a changed one needs no restart.
type connector struct {
	config   msdsn.Config // without the password
	password exporters.Secret
}

// openSQLServer prepares a database; nothing is sent yet.
func openSQLServer(d *Console, userAgent string) (*sql.DB, error) {
	config, err := d.driverConfig(userAgent)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(&connector{config: config, password: d.password})
	db.SetConnMaxIdleTime(10 * time.Minute)
	db.SetConnMaxLifetime(time.Hour)
	return db, nil
}

// driverConfig gives the driver's settings. They go through its own address
// form, since its struct alone leaves out defaults.
func (d *Console) driverConfig(userAgent string) (msdsn.Config, error) {
	q := url.Values{"database": {d.Database}, "app name": {userAgent}, "protocol": {"tcp"},
		"dial timeout": {seconds(d.ConnectTimeout)}, "encrypt": {"true"}, "tlsmin": {"1.2"}, "ApplicationIntent": {"ReadOnly"}}
	if !*d.Encrypt {
		q.Set("encrypt", "disable")
	}
	u := url.URL{Scheme: "sqlserver", User: url.User(d.User), Host: d.Server, RawQuery: q.Encode()}
	if d.Port != 0 {
		u.Host = net.JoinHostPort(d.Server, strconv.Itoa(d.Port))
	} else {
		u.Path = d.Instance
	}
	config, err := msdsn.Parse(u.String())
	if err != nil {
		return config, fmt.Errorf("console_database: %w", err)
	}
	if config.TLSConfig == nil {
		return config, nil
	}
	mine, err := d.TLS.Build()
	if err != nil {
		return config, err
	}
	config.TLSConfig.RootCAs = mine.RootCAs
	config.TLSConfig.GetClientCertificate = mine.GetClientCertificate
	config.TLSConfig.InsecureSkipVerify = mine.InsecureSkipVerify
	config.TrustServerCertificate = mine.InsecureSkipVerify
	if mine.ServerName != "" {
		config.TLSConfig.ServerName, config.HostInCertificateProvided = mine.ServerName, true
	}
	return config, nil
}

func seconds(d exporters.Duration) string {
	return strconv.Itoa(int(time.Duration(d) / time.Second))
}

// Connect implements driver.Connector.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	password, err := c.password.Read()
	if err != nil {
		return nil, &exporters.SourceError{Endpoint: jobHistory, Reason: exporters.ReasonAuth, Err: fmt.Errorf("password: %w", err)}
	}
	config := c.config
	config.Password = password
	if config.TLSConfig != nil {
		config.TLSConfig = config.TLSConfig.Clone()
	}
	return mssql.NewConnectorConfig(config).Connect(ctx)
}

// Driver implements driver.Connector.
func (c *connector) Driver() driver.Driver { return &mssql.Driver{} }

// sqlServerProblem says what the driver's errors mean, by SQL Server's numbers.
func sqlServerProblem(err error) exporters.Reason {
	var e mssql.Error
	if !errors.As(err, &e) {
		if errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return exporters.ReasonUnreachable
		}
		return exporters.ReasonOther
	}
	switch e.Number {
	case 18456, 18452, 18486, 18487, 18488: // login failed, locked, expired
		return exporters.ReasonAuth
	case 229, 230, 916, 4060: // no right on the table, the column, the database
		return exporters.ReasonForbidden
	case 207, 208: // no such column, no such table
		return exporters.ReasonNotFound
	case 1205, 1222: // chosen as the victim of a deadlock, lock not granted
		return exporters.ReasonServer
	}
	return exporters.ReasonOther
}
