# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Any Python from 3.9 on can run the tools; they look for those that the tests need themselves.
PYTHON ?= python3
STAGES = $(PYTHON) -m tests.tools.stages
DEMO = $(PYTHON) -m tests.tools.demo

.DEFAULT_GOAL := help
.PHONY: help setup quick lint unit units sanity integration molecule bench test demo demo-stop clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

setup: ## make .venv, .cache and the collection's link; every other target does so itself
	@$(STAGES) $@

quick: ## linters and unit tests, within a minute
	@$(STAGES) $@

lint: ## ruff, mypy, yamllint, ansible-lint
	@$(STAGES) $@

unit: ## unit tests, ansible-core 2.19
	@$(STAGES) $@

units: ## unit tests, ansible-core 2.19 and 2.21, and hosts' Python 3.8
	@$(STAGES) $@

sanity: ## ansible-test sanity, ansible-core 2.19 and 2.21
	@$(STAGES) $@

integration: ## modules and plans against real etcd on loopback
	@$(STAGES) releases $@

molecule: ## all scenarios on test hosts (root; installs podman)
	@$(STAGES) releases lab $@

bench: ## roll-outs beside the smallest script that does the same
	@$(STAGES) releases lab
	@$(STAGES) $@

test: ## everything, with a table of times
	@$(STAGES) $@

demo: ## a three-member cluster on this machine
	@$(DEMO) start

demo-stop: ## stop the demo's members; their data stays
	@$(DEMO) stop

clean: demo-stop ## stop the demo, and remove all that was made in the checkout
	rm -rf .venv .cache .ansible .hypothesis .ruff_cache
