/* SPDX-License-Identifier: MIT */

/*
 * A device that knows its hub.
 *
 *      AZIOT_HOST=localhost AZIOT_PORT=8883 AZIOT_CA_FILE=ca.pem AZIOT_DEVICE_ID=demo AZIOT_KEY_FILE=key \
 *              ./hub-paho
 */

#include "hub-link.h"

int main(int argc, char **argv) {
        Program program;
        HubLink link;

        program_init(&program, argc, argv);
        hub_link_start(&link, &program, program.connection.host, program_setting("AZIOT_DEVICE_ID"), NULL);
        while (!program_is_over(&program))
                hub_link_turn(&link);
        hub_link_stop(&link);
        return 0;
}
