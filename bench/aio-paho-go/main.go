// SPDX-License-Identifier: MIT

// Telemetry and commands as those of Azure IoT Operations look on the wire, by paho.golang, the MQTT library that
// Azure's SDK for Go is built on: less than that SDK does, which checks, times out, and keeps results of commands.
// Settings, arguments and output are those of tests/interop/aio/rust-sdk:
//
//	aio-paho-go serve TOPIC
//	aio-paho-go invoke TOPIC COUNT IN_FLIGHT
//	aio-paho-go send TOPIC COUNT IN_FLIGHT
//	aio-paho-go receive TOPIC COUNT
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"crypto/rand"

	"github.com/eclipse/paho.golang/paho"
)

const receiveMaximum = 65535

type work struct {
	client           *paho.Client
	id, topic        string
	count, nInFlight int
	begin            time.Time
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func connect(id string) *paho.Client {
	address := net.JoinHostPort(os.Getenv("AIO_BROKER_HOSTNAME"), os.Getenv("AIO_BROKER_TCP_PORT"))
	client := paho.NewClient(paho.ClientConfig{Conn: must(net.Dial("tcp", address))})
	maximum, expiry := uint16(receiveMaximum), uint32(3600)
	must(client.Connect(context.Background(), &paho.Connect{
		ClientID: id, KeepAlive: 60, CleanStart: true,
		Properties: &paho.ConnectProperties{ReceiveMaximum: &maximum, SessionExpiryInterval: &expiry},
	}))
	return client
}

func (w *work) subscribe(topic string, handle func(*paho.Publish)) {
	w.client.AddOnPublishReceived(func(received paho.PublishReceived) (bool, error) {
		handle(received.Packet)
		return true, nil
	})
	must(w.client.Subscribe(context.Background(), &paho.Subscribe{
		Subscriptions: []paho.SubscribeOptions{{Topic: topic, QoS: 1}},
	}))
}

// message has what both telemetry and commands carry, and 'pairs' behind it.
func (w *work) message(topic string, payload any, pairs ...string) *paho.Publish {
	format, expiry := byte(1), uint32(30)
	p := &paho.Publish{
		Topic: topic, QoS: 1, Payload: must(json.Marshal(payload)),
		Properties: &paho.PublishProperties{
			ContentType: "application/json", PayloadFormat: &format, MessageExpiry: &expiry,
		},
	}
	p.Properties.User.Add("__protVer", "1.0").Add("__srcId", w.id)
	p.Properties.User.Add("__ts", fmt.Sprintf("%015d:00000:%s", time.Now().UnixMilli(), w.id))
	for i := 0; i < len(pairs); i += 2 {
		p.Properties.User.Add(pairs[i], pairs[i+1])
	}
	return p
}

func (w *work) serve() {
	counter := 0
	w.subscribe(w.topic, func(request *paho.Publish) {
		var body struct{ IncrementValue int }
		if err := json.Unmarshal(request.Payload, &body); err != nil {
			log.Print(err)
			return
		}
		counter += body.IncrementValue
		response := w.message(request.Properties.ResponseTopic, map[string]int{"CounterResponse": counter}, "__stat", "200")
		response.Properties.CorrelationData = request.Properties.CorrelationData
		go func() { must(w.client.Publish(context.Background(), response)) }()
	})
	select {}
}

// run calls 'act' so often, so many at once, and prints how long that took.
func (w *work) run(act func(n int)) {
	var next atomic.Int64
	var workers sync.WaitGroup
	took := make([]int64, w.count)
	begin := time.Now()
	for range w.nInFlight {
		workers.Go(func() {
			for n := next.Add(1) - 1; n < int64(w.count); n = next.Add(1) - 1 {
				before := time.Now()
				act(int(n))
				took[n] = time.Since(before).Microseconds()
			}
		})
	}
	workers.Wait()
	seconds := time.Since(begin).Seconds()
	slices.Sort(took)
	w.print(seconds, took[(w.count-1)*50/100], took[(w.count-1)*99/100])
}

func (w *work) print(seconds float64, p50, p99 int64) {
	fmt.Printf("{\"n\":%d,\"failed\":0,\"seconds\":%.6f,\"p50_us\":%d,\"p99_us\":%d}\n", w.count, seconds, p50, p99)
}

func (w *work) invoke() {
	var waiting sync.Map // correlation data → chan *paho.Publish
	responseTopic := "clients/" + w.id + "/" + w.topic
	w.subscribe(responseTopic, func(response *paho.Publish) {
		if c, found := waiting.LoadAndDelete(string(response.Properties.CorrelationData)); found {
			c.(chan *paho.Publish) <- response
		}
	})
	w.run(func(int) {
		id := make([]byte, 16)
		must(rand.Read(id))
		responses := make(chan *paho.Publish, 1)
		waiting.Store(string(id), responses)
		request := w.message(w.topic, map[string]int{"IncrementValue": 1}, "__partition", w.id, "language", "Go")
		request.Properties.ResponseTopic, request.Properties.CorrelationData = responseTopic, id
		must(w.client.Publish(context.Background(), request))
		var body struct{ CounterResponse int }
		if err := json.Unmarshal((<-responses).Payload, &body); err != nil {
			log.Fatal(err)
		}
	})
}

func (w *work) send() {
	w.run(func(n int) {
		must(w.client.Publish(context.Background(), w.message(w.topic, map[string]float64{"n": float64(n)},
			"id", strconv.Itoa(n), "source", "aio://oven/sample", "specversion", "1.0", "type", "ms.aio.telemetry",
			"subject", w.topic, "time", time.Now().UTC().Format(time.RFC3339))))
	})
}

func (w *work) receive() {
	done := make(chan bool, 1)
	left := w.count
	w.subscribe(w.topic, func(telemetry *paho.Publish) {
		var body map[string]float64
		if err := json.Unmarshal(telemetry.Payload, &body); err != nil {
			log.Print(err)
		}
		if left == w.count {
			w.begin = time.Now()
		}
		if left--; left == 0 {
			done <- true
		}
	})
	<-done
	w.print(time.Since(w.begin).Seconds(), 0, 0)
}

func main() {
	if len(os.Args) < 3 {
		log.Fatal("usage: aio-paho-go serve|invoke|send|receive TOPIC [COUNT [IN_FLIGHT]]")
	}
	number := func(i int) int {
		if len(os.Args) <= i {
			return 1
		}
		return must(strconv.Atoi(os.Args[i]))
	}
	w := &work{id: os.Getenv("AIO_MQTT_CLIENT_ID"), topic: os.Args[2], count: number(3), nInFlight: number(4)}
	w.client = connect(w.id)
	switch os.Args[1] {
	case "serve":
		w.serve()
	case "invoke":
		w.invoke()
	case "send":
		w.send()
	case "receive":
		w.receive()
	default:
		log.Fatal("unknown role")
	}
	_ = w.client.Disconnect(&paho.Disconnect{})
}
