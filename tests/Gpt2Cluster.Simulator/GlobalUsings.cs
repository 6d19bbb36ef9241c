// Orleans has a class of that name, too.
global using Silo = Gpt2Cluster.Simulator.Silos.Silo;
