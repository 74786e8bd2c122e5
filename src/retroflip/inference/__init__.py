"""Models behind one protocol: what is asked (`base.Request`) and answered (`base.Reply`) whatever computes it."""
