// SPDX-License-Identifier: MIT

// Package aziot is a client of aziotd in one file, to be copied: nothing but the standard library.
//
//	var client aziot.Client
//	var reply struct{ Sequence int64 }
//	err := client.Call("io.aziotd.telemetry.Send", aziot.Fields{"message": aziot.Fields{"text": "hello"}}, &reply)
//
// A call returns an *Error if the daemon refuses it, and another error if there is no daemon or the connection breaks
// before the reply; the next call connects again. Calls of one Client travel on one connection, one after the other: a
// program that waits in Take or Watch has another Client for everything else.
package aziot

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
)

// Fields are the parameters of a call.
type Fields map[string]any

// Error is an error that the daemon replied by: its full name, and its fields.
type Error struct {
	Name       string
	Parameters json.RawMessage
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s %s", e.Name, e.Parameters)
}

// Client is a connection to the daemon, made when it is needed.
type Client struct {
	Path       string // of the daemon's socket; empty: $AZIOT_SOCKET, or else /run/aziotd/socket
	connection net.Conn
	reader     *bufio.Reader
}

// Call calls a method and writes the fields of its reply to 'reply', unless that is nil.
func (c *Client) Call(method string, parameters Fields, reply any) error {
	if err := c.send(Fields{"method": method, "parameters": parameters}); err != nil {
		return err
	}
	fields, _, err := c.receive()
	if err != nil || reply == nil {
		return err
	}
	return json.Unmarshal(fields, reply)
}

// Watch calls a method that replies again and again ("more"), and 'next' with the fields of each reply, until it fails.
func (c *Client) Watch(method string, parameters Fields, next func(reply json.RawMessage) error) error {
	err := c.send(Fields{"method": method, "parameters": parameters, "more": true})
	for continues := true; err == nil && continues; {
		var fields json.RawMessage
		if fields, continues, err = c.receive(); err == nil {
			err = next(fields)
		}
	}
	return err
}

// Close closes the connection: what was taken on it and not settled is not this program's any more.
func (c *Client) Close() {
	if c.connection != nil {
		c.connection.Close()
		c.connection = nil
	}
}

func (c *Client) connect() (err error) {
	path := c.Path
	if path == "" {
		path = os.Getenv("AZIOT_SOCKET")
	}
	if path == "" {
		path = "/run/aziotd/socket"
	}
	if c.connection, err = net.Dial("unix", path); err != nil {
		c.connection = nil
		return err
	}
	c.reader = bufio.NewReader(c.connection)
	return nil
}

func (c *Client) send(call Fields) error {
	message, err := json.Marshal(call)
	if err == nil && c.connection == nil {
		err = c.connect()
	}
	if err != nil {
		return err
	}
	if _, err = c.connection.Write(append(message, 0)); err != nil {
		c.Close()
	}
	return err
}

func (c *Client) receive() (fields json.RawMessage, continues bool, err error) {
	message, err := c.reader.ReadBytes(0)
	if err != nil {
		c.Close()
		return nil, false, fmt.Errorf("aziotd has closed the connection: %w", err)
	}
	reply := struct {
		Error      string
		Parameters json.RawMessage
		Continues  bool
	}{Parameters: json.RawMessage("{}")}
	err = json.Unmarshal(message[:len(message)-1], &reply)
	if err == nil && reply.Error != "" {
		err = &Error{reply.Error, reply.Parameters}
	}
	return reply.Parameters, reply.Continues, err
}
