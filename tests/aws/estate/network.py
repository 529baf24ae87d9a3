"""VPCs and what is in them."""

from .place import Place, spec


def vpcs(p: Place) -> None:
    ec2 = p.client("ec2")
    for i in p.many(2):
        vpc = ec2.create_vpc(
            CidrBlock=f"10.{p.number * 10 + i % 10}.0.0/16", TagSpecifications=spec("vpc", f"vpc-{i}")
        )["Vpc"]["VpcId"]
        p.keep("vpc", vpc)
        for n, zone in enumerate("ab"):
            made = ec2.create_subnet(
                VpcId=vpc,
                CidrBlock=f"10.{p.number * 10 + i % 10}.{n}.0/24",
                AvailabilityZone=p.region + zone,
                TagSpecifications=spec("subnet", f"subnet-{i}-{zone}"),
            )
            p.keep("subnet", made["Subnet"]["SubnetId"])
        gateway = ec2.create_internet_gateway(TagSpecifications=spec("internet-gateway", f"igw-{i}"))[
            "InternetGateway"
        ]["InternetGatewayId"]
        p.keep("igw", gateway)
        ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        table = ec2.create_route_table(VpcId=vpc, TagSpecifications=spec("route-table", f"rtb-{i}"))["RouteTable"][
            "RouteTableId"
        ]
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
        ec2.associate_route_table(RouteTableId=table, SubnetId=p.nth("subnet", 2 * i))
        ec2.create_network_acl(VpcId=vpc, TagSpecifications=spec("network-acl", f"acl-{i}"))
        p.keep("rtb", table)


def security_groups(p: Place) -> None:
    ec2 = p.client("ec2")
    for i in p.many(4):
        made = ec2.create_security_group(
            GroupName=f"sg-{i}",
            Description=f"group {i}",
            VpcId=p.nth("vpc", i // 2),
            TagSpecifications=spec("security-group", f"sg-{i}"),
        )
        group = p.keep("sg", made["GroupId"])
        rules = [
            {
                "IpProtocol": "tcp",
                "FromPort": 443,
                "ToPort": 443,
                "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "all"}],
            }
        ]
        if i % 2:  # groups of one VPC that let each other in
            rules.append({"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": p.nth("sg", i - 1)}]})
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=rules)


def gateways(p: Place) -> None:
    ec2 = p.client("ec2")
    for i in p.many(2):
        address = ec2.allocate_address(Domain="vpc", TagSpecifications=spec("elastic-ip", f"eip-{i}"))
        p.keep("eip", address["AllocationId"])
        nat = ec2.create_nat_gateway(
            SubnetId=p.nth("subnet", 2 * i),
            AllocationId=address["AllocationId"],
            TagSpecifications=spec("natgateway", f"nat-{i}"),
        )
        p.keep("nat", nat["NatGateway"]["NatGatewayId"])
    ec2.allocate_address(Domain="vpc")


def peering(p: Place) -> None:
    ec2 = p.client("ec2")
    made = ec2.create_vpc_peering_connection(
        VpcId=p.nth("vpc", 0), PeerVpcId=p.nth("vpc", 1), TagSpecifications=spec("vpc-peering-connection", "peering")
    )
    ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=made["VpcPeeringConnection"]["VpcPeeringConnectionId"])


def endpoints(p: Place) -> None:
    ec2 = p.client("ec2")
    vpc = p.nth("vpc", 0)
    ec2.create_vpc_endpoint(
        VpcId=vpc,
        ServiceName=f"com.amazonaws.{p.region}.s3",
        VpcEndpointType="Gateway",
        RouteTableIds=[p.nth("rtb", 0)],
        TagSpecifications=spec("vpc-endpoint", "s3"),
    )
    ec2.create_vpc_endpoint(
        VpcId=vpc,
        ServiceName=f"com.amazonaws.{p.region}.ec2",
        VpcEndpointType="Interface",
        SubnetIds=[p.nth("subnet", 0)],
        SecurityGroupIds=[p.nth("sg", 0)],
    )


def flow_logs(p: Place) -> None:
    ec2 = p.client("ec2")
    ec2.create_flow_logs(
        ResourceType="VPC",
        ResourceIds=[p.nth("vpc", 0)],
        TrafficType="ALL",
        LogDestinationType="s3",
        LogDestination=f"arn:aws:s3:::data-{p.account}-0",
        TagSpecifications=spec("vpc-flow-log", "flow"),
    )


def interfaces(p: Place) -> None:
    ec2 = p.client("ec2")
    for i in p.many(2):
        made = ec2.create_network_interface(
            SubnetId=p.nth("subnet", i),
            Groups=[p.nth("sg", 0)],
            Description=f"interface {i}",
            TagSpecifications=spec("network-interface", f"eni-{i}"),
        )
        p.keep("eni", made["NetworkInterface"]["NetworkInterfaceId"])


PARTS = [vpcs, security_groups, gateways, peering, endpoints, flow_logs, interfaces]
