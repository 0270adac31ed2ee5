module aio-paho-go

go 1.25

require github.com/eclipse/paho.golang v0.23.0
