namespace Gpt2Cluster.Contracts;
