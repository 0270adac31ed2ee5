/* SPDX-License-Identifier: MIT */

/*
 * Takes messages from the cloud and prints them, in C++: the object is freed by itself, and errors are
 * exceptions. Ends after as many messages as given.
 *
 *      c++ -std=c++17 take.cpp $(pkg-config --cflags --libs libaziot) -o take
 *      ./take 3
 */

#include <aziot.h>
#include <cerrno>
#include <cstdint>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

class Client {
      public:
        Client() {
                Aziot *a;

                if (aziot_new(&a, nullptr) < 0)
                        throw std::bad_alloc();
                aziot.reset(a);
        }

        void take_messages() {
                check(aziot_take_messages(aziot.get(), nullptr));
        }

        void settle(std::uint64_t handle) {
                check(aziot_settle(aziot.get(), handle));
        }

        /* Waits for the next event; an interrupted wait goes on. */
        const AziotEvent &wait() {
                const AziotEvent *event;

                while (aziot_wait(aziot.get(), UINT64_MAX, &event) != 1)
                        ;
                return *event;
        }

        void check(int result) {
                if (result != 0)
                        throw std::runtime_error(aziot_explain(aziot.get(), result));
        }

        std::string explain(int result) {
                return aziot_explain(aziot.get(), result);
        }

      private:
        struct Free {
                void operator()(Aziot *a) const {
                        aziot_free(a);
                }
        };
        std::unique_ptr<Aziot, Free> aziot;
};

static void print(const AziotCloudMessage &message) {
        std::cout << std::string_view(static_cast<const char *>(message.body), message.body_size);
        for (std::size_t i = 0; i < message.n_properties; i++)
                std::cout << ' ' << message.properties[i].key << '=' << message.properties[i].value;
        std::cout << std::endl;
}

static void run(unsigned long n_wanted) {
        Client client;
        unsigned long n_settled = 0;

        client.take_messages();
        while (n_settled < n_wanted) {
                const AziotEvent &event = client.wait();

                switch (event.type) {
                case AZIOT_EVENT_MESSAGE:
                        /* Settled after it was dealt with: a crash before that brings it again. */
                        print(event.as.message);
                        client.settle(event.as.message.handle);
                        break;
                case AZIOT_EVENT_SETTLED:
                        if (event.result == 0)
                                n_settled++;
                        else
                                std::cerr << "take: " << client.explain(event.result) << std::endl;
                        break;
                case AZIOT_EVENT_DISCONNECTED:
                        std::cerr << "take: " << client.explain(event.result) << std::endl;
                        break;
                case AZIOT_EVENT_ENDED:
                        client.check(event.result);
                        break;
                default:
                        break;
                }
        }
}

int main(int argc, char **argv) {
        try {
                run(argc > 1 ? std::stoul(argv[1]) : UINT32_MAX);
        } catch (const std::exception &e) {
                std::cerr << "take: " << e.what() << std::endl;
                return 1;
        }
        return 0;
}
