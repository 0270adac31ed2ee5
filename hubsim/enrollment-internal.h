/* SPDX-License-Identifier: MIT */
#pragma once

/* What enrollment.c and enrollment-file.c, its file, know of each other. */

#include "hubsim/enrollment.h"

/* "0ne" and eight hexadecimal digits. */
#define SCOPE_SIZE sizeof("0ne00C0FFEE")

struct Enrollments {
        char *path;
        char scope[SCOPE_SIZE];
        Enrollment *first;
};

Enrollment *enrollment_free(Enrollment *enrollment);
DEFINE_CLEANUP(Enrollment *, enrollment_free)

/* At the end of the list, so that they keep their order. */
void enrollments_link(Enrollments *enrollments, Enrollment *enrollment);

/* -ENOENT: there is no file. */
int enrollments_load(Enrollments *enrollments);
