// SPDX-License-Identifier: MIT

// Serves the direct method "blink", whose payload says how often, as in {"times": 3}: serve
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"time"

	"example.org/clients/aziot"
)

// Does what is asked, and returns the status and the payload of the answer.
func blink(payload json.RawMessage) (int, aziot.Fields) {
	var request struct{ Times int }
	if err := json.Unmarshal(payload, &request); err != nil || request.Times < 1 || request.Times > 10 {
		return 400, aziot.Fields{"error": "times: 1 to 10"}
	}
	fmt.Println("blink", request.Times)
	return 200, aziot.Fields{"blinked": request.Times}
}

// Waits for a call and answers it. The daemon gives it to nobody else meanwhile.
func serve(client *aziot.Client) error {
	var reply struct {
		Call *struct {
			ID      string
			Payload json.RawMessage
		}
	}
	err := client.Call("io.aziotd.methods.Take", aziot.Fields{"names": []string{"blink"}}, &reply)
	if err != nil || reply.Call == nil { // nil: none came within 30 s
		return err
	}
	status, payload := blink(reply.Call.Payload)
	answer := aziot.Fields{"id": reply.Call.ID, "status": status, "payload": payload}
	err = client.Call("io.aziotd.methods.Settle", answer, nil)

	var refusal *aziot.Error
	if errors.As(err, &refusal) { // CallGone: the answer came too late, and the next call may do better
		log.Print(refusal)
		return nil
	}
	return err
}

func main() {
	log.SetPrefix("serve: ")
	var client aziot.Client
	for {
		err := serve(&client)

		var refusal *aziot.Error
		if errors.As(err, &refusal) { // NameClaimed: somebody else serves it; PermissionDenied
			log.Fatal(refusal)
		}
		if err != nil { // the daemon is being restarted: the cloud was told 503
			log.Printf("%v, trying again", err)
			time.Sleep(time.Second)
		}
	}
}
