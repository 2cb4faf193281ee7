"""The lab: real kernels, real routers, real packets, and what scenarios say about them."""
