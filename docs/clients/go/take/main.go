// SPDX-License-Identifier: MIT

// Appends each message from the cloud to a file, as a line of JSON: take FILE
package main

import (
	"encoding/json"
	"errors"
	"log"
	"os"
	"time"

	"example.org/clients/aziot"
)

func keep(path string, message json.RawMessage) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := file.Write(append(message, '\n')); err != nil {
		return err
	}
	return file.Sync()
}

// Waits for a message, deals with it, and only then tells the daemon to forget it.
func take(client *aziot.Client, path string) error {
	var reply struct{ Message json.RawMessage }
	err := client.Call("io.aziotd.messages.Take", nil, &reply)
	if err != nil || string(reply.Message) == "null" { // none came within 30 s
		return err
	}
	var message struct{ ID string }
	if err := json.Unmarshal(reply.Message, &message); err != nil {
		return err
	}
	if err := keep(path, reply.Message); err != nil {
		return err
	}
	return client.Call("io.aziotd.messages.Settle", aziot.Fields{"id": message.ID}, nil)
}

func main() {
	log.SetPrefix("take: ")
	var client aziot.Client
	for {
		err := take(&client, os.Args[1])

		var refusal *aziot.Error
		if errors.As(err, &refusal) {
			log.Fatal(refusal)
		}
		if err != nil { // the daemon is being restarted, or the file cannot be written
			log.Printf("%v, trying again", err)
			client.Close() // gives the message back: it comes again, with "redelivered" set
			time.Sleep(time.Second)
		}
	}
}
