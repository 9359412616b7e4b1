// SPDX-License-Identifier: Apache-2.0
// MSL's words for address spaces mean nothing on the host. Included last: they are ordinary names
// elsewhere.
#ifndef MSL_ADDRESS_SPACE_H
#define MSL_ADDRESS_SPACE_H

#define kernel
#define device
#define constant const
#define thread

#endif // MSL_ADDRESS_SPACE_H
