// SPDX-License-Identifier: MIT

// Follows the desired property "rate" of the twin, and reports what holds: follow
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"time"

	"example.org/clients/aziot"
)

// Here the rate would be taken up; null: the cloud wants none.
func setRate(rate json.RawMessage) {
	fmt.Printf("rate %s\n", rate)
}

func report(client *aziot.Client, rate json.RawMessage) error {
	patch := aziot.Fields{"rate": rate}
	err := client.Call("io.aziotd.twin.Report", aziot.Fields{"patch": patch}, nil)

	var refusal *aziot.Error
	if errors.As(err, &refusal) { // say, a value that no twin may have: the next one may be better
		log.Print(refusal)
		return nil
	}
	return err
}

func main() {
	log.SetPrefix("follow: ")
	// Nothing behind a call that watches is read, so reports have a connection of their own.
	var watcher, reporter aziot.Client
	onUpdate := func(reply json.RawMessage) error {
		var update struct {
			Desired  map[string]json.RawMessage
			Complete bool
		}
		if err := json.Unmarshal(reply, &update); err != nil {
			return err
		}
		rate, ok := update.Desired["rate"]
		if !ok && !update.Complete {
			return nil // something else has changed
		}
		setRate(rate)
		return report(&reporter, rate)
	}
	for {
		// The first reply has all that is desired, also what the cloud has changed while this program was not running.
		err := watcher.Watch("io.aziotd.twin.Watch", nil, onUpdate)

		var refusal *aziot.Error
		if errors.As(err, &refusal) {
			log.Fatal(refusal)
		}
		log.Printf("%v, trying again", err) // the daemon is being restarted
		watcher.Close()
		time.Sleep(time.Second)
	}
}
