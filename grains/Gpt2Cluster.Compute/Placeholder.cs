namespace Gpt2Cluster.Compute;
