// SPDX-License-Identifier: MIT

// Sends each number on standard input as a message of the sensor SENSOR: send SENSOR
//
//	while sleep 60; do cat /sys/class/thermal/thermal_zone0/temp; done | ./send processor
//
// Whether the device is online does not matter: what the daemon has accepted is on disk.
package main

import (
	"bufio"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"example.org/clients/aziot"
)

// Sends a message, again and again until the daemon has accepted it, and returns its number.
func send(client *aziot.Client, message aziot.Fields) (int64, error) {
	// If the connection breaks before the reply, nobody knows whether the message was accepted. It is sent again by
	// the same name, so that whoever receives it can tell.
	var id [16]byte
	if _, err := rand.Read(id[:]); err != nil {
		return 0, err
	}
	message["messageId"] = fmt.Sprintf("%x", id)
	for {
		var reply struct{ Sequence int64 }
		err := client.Call("io.aziotd.telemetry.Send", aziot.Fields{"message": message}, &reply)

		var refusal *aziot.Error
		switch {
		case err == nil:
			return reply.Sequence, nil
		case !errors.As(err, &refusal): // the daemon is being restarted, or is not there
			log.Printf("%v, trying again", err)
			time.Sleep(time.Second)
		default:
			var full struct{ RetryAfterMs int64 }
			if json.Unmarshal(refusal.Parameters, &full) != nil || full.RetryAfterMs == 0 {
				return 0, err
			}
			// OutboxFull, RateExceeded: there is no room now
			time.Sleep(time.Duration(full.RetryAfterMs) * time.Millisecond)
		}
	}
}

func main() {
	log.SetPrefix("send: ")
	var client aziot.Client
	properties := aziot.Fields{"sensor": os.Args[1]}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var value json.Number
		if err := json.Unmarshal(lines.Bytes(), &value); err != nil {
			log.Fatalf("%q is no number", lines.Text())
		}
		body := aziot.Fields{"value": value}
		sequence, err := send(&client, aziot.Fields{"body": body, "properties": properties})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(sequence, lines.Text())
	}
}
