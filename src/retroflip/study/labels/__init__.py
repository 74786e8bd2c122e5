"""What wrong labels of the Task Router cost."""
