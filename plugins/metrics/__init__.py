"""The built-in metrics: few-shot accuracy, fresh attackers, reconstruction and swaps."""
