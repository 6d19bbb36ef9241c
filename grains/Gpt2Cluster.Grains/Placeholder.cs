namespace Gpt2Cluster.Grains;
