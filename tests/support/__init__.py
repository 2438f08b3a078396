"""What tests share: stand-ins, scripted models, checks of a whole graph."""
