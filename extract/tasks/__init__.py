"""What models are asked to do: extract, contradict, resolve, rerank."""
