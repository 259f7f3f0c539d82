package s3objects

import (
	"context"
	"net"
	"net/http"
	"time"
)

// transport returns an HTTP transport on which nothing hangs: a connection that moves no
// byte for the time idle is given up, in either direction, however long the whole
// transfer takes.
func transport(idle time.Duration) *http.Transport {
	dialer := &net.Dialer{Timeout: min(idle, 3*time.Second), KeepAlive: 15 * time.Second}
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return &idleConn{c, idle}, nil
		},
		TLSHandshakeTimeout:   5 * time.Second,
		ResponseHeaderTimeout: idle,
		ExpectContinueTimeout: time.Second,
		MaxIdleConnsPerHost:   32,
		IdleConnTimeout:       idle / 2,
		DisableCompression:    true, // what was stored comes back as it is
	}
}

// idleConn gives each read and write a deadline of its own.
type idleConn struct {
	net.Conn
	idle time.Duration
}

func (c *idleConn) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.idle)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

func (c *idleConn) Write(p []byte) (int, error) {
	// While a large body goes out nothing comes in: the pending read must not end it.
	if err := c.SetDeadline(time.Now().Add(c.idle)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}
