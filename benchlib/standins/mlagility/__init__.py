"""What MLAgility's model scripts import of it, for machines without MLAgility.

The folder above stands last on the import path while a script is run: where MLAgility is installed, it is used.
"""
