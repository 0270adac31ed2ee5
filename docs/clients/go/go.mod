module example.org/clients

go 1.19
