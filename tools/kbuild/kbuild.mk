# SPDX-License-Identifier: Apache-2.0
#
# Read by make in a kernel's build directory before the Makefile there, by the
# GNUmakefile that `btfc dkms sync` puts beside it. If a DKMS package is built
# that /etc/btfd/kbuild.conf selects, its modules get their BTF from btfd. In all
# other builds, and where btfd does not run, nothing changes.

btfd-library := $(patsubst %/,%,$(dir $(realpath $(lastword $(MAKEFILE_LIST)))))

# What the command line says is left as it is.
ifneq ($(origin RESOLVE_BTFIDS),command line)
ifneq ($(origin PAHOLE),command line)

# Where the modules are. PWD is the directory of the shell that DKMS is.
btfd-places := $(foreach v,M KBUILD_EXTMOD SUBDIRS PWD,$(if $($(v)),'$($(v))'))
btfd-variables := $(shell '$(btfd-library)/btfc' dkms variables \
	--library '$(btfd-library)' -- $(btfd-places) 2>/dev/null)

# For this make, and, as if they stood on the command line, for those it calls.
$(foreach v,$(btfd-variables),$(eval override $(v)))
MAKEOVERRIDES += $(btfd-variables)

endif
endif
