"""The kernel of every run and server: the Python that is running now, whatever is installed at home."""

from __future__ import annotations

import os
import tempfile
from typing import Any

from ipykernel.kernelspec import RESOURCES, get_kernel_dict
from jupyter_client.kernelspec import NATIVE_KERNEL_NAME, KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from traitlets import Dict, Unicode, default


class ThisPython(KernelSpecManager):
    """Kernel specs in which `python3` is always the running interpreter.

    A `python3` spec in somebody's home often points to another environment, one without this
    library; the other specs found there are offered unchanged.
    """

    environment = Dict(help="Environment variables added to those of this process.")

    def find_kernel_specs(self) -> dict[str, str]:
        """Resource folder by kernel name."""
        return {**super().find_kernel_specs(), NATIVE_KERNEL_NAME: RESOURCES}

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """The spec of this name; `python3` runs `sys.executable`."""
        if kernel_name.lower() != NATIVE_KERNEL_NAME:
            return super().get_kernel_spec(kernel_name)
        # jupyter_client fills ${NAME} in values from the environment: a path may hold a dollar sign
        environment = {name: value.replace("$", "$$") for name, value in self.environment.items()}
        return KernelSpec(resource_dir=RESOURCES, env=environment, **get_kernel_dict())


class JobKernel(AsyncKernelManager):
    """A kernel that needs nothing from the home folder, which may be empty or read-only.

    `folder` holds the connection file and IPython's profile, so a start-up script in somebody's
    `~/.ipython` has no part in a job either. `environment` is given to the kernel alone: the
    environment of this process stays as it is.
    """

    environment = Dict(help="Environment variables added to those of this process.").tag(config=True)
    folder = Unicode(help="A private folder, removed by whoever made it.").tag(config=True)

    @default("transport_encryption")
    def _default_transport_encryption(self) -> str:
        return "auto"  # other users of the machine can read the loopback's TCP otherwise

    @default("folder")
    def _default_folder(self) -> str:
        return tempfile.mkdtemp(prefix="qa-kernel-")

    @default("kernel_spec_manager")
    def _default_kernel_spec_manager(self) -> ThisPython:
        own = {"IPYTHONDIR": os.path.join(self.folder, "ipython")}
        return ThisPython(environment={**own, **self.environment})

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.connection_file = os.path.join(self.folder, "kernel.json")
