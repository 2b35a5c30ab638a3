"""The parts of torch.utils.benchmark, at PyTorch's paths."""
